"""x"""
from tests.faults.visitor import *
from tests.faults.faults import *
def test_x(city, wang, home):
    print(children(city.process.pid))
    print(wang.ask("marriage","GET","/whoami").body)
    a=wang.ask("marriage","GET","/certificates/17", headers={"Accept":"application/json"}); print(a, a.json())
    print(ask(city,"marriage","GET","/certificates/17",key(city,"wang")))
    print(ask(city,"marriage","GET","/certificates/18",key(city,"wang")))
    os.system("df "+str(home/'audit/spools'))
    print(len(events(city)), report(city).status)
    with traced(pid(city,"city"),"fdatasync,fsync,write,writev,sendto,sendmsg,pwrite64") as t:
        print(ask(city,"marriage","GET","/certificates/99",key(city,"wang")).status)
        eventually(lambda: any('certificates/99' in l for l in lines(t)))
    time.sleep(.3)
    print("\n".join(l[:300] for l in lines(t)))
